"""Tasks on Debian's own applications, in OSWorld's format, with inputs made from a seed."""
