"""What is said of one panel of predictions, one aspect a file; `Judge` (one room up) decides what is asked where."""
