"""What the tasks start from and are compared with, made by code; one module a kind of file."""
