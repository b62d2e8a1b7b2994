"""What is wrong with a course, rule by rule? Each file looks at one thing; flows/lint.py asks all."""
