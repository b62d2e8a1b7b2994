"""How do messages reach the relay, and what did it answer? SMTP sessions and the courier that runs them."""
