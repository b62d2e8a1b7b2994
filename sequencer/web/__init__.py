"""How does the world reach us? The web door: sign-up forms, the links in mails, and the page that says we are well."""
