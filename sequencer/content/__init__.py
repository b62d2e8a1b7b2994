"""How do files become values? Courses, lessons, templates: the only place that knows Markdown, YAML, Jinja2, MJML."""
