"""What is this package? An article, delivered as a multi-day e-mail course."""

__version__ = "0.1.0"
