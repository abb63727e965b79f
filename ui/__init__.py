"""What a person sees: lines, tables, the words of the command line. Never imports the model."""
