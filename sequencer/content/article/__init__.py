"""What does a long text consist of? HTML, Markdown or plain text becomes paragraphs, and paragraphs become themes."""
