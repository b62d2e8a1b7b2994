"""Which bytes go out? Addresses, headers and MIME: a mail becomes what travels over SMTP."""
