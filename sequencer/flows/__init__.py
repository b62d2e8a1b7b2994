"""What happens, from beginning to end? One story a file, told in the words of the floors below."""
