"""What the pages of whisperers show: selectors' answers and figures in words and shapes, ready for templates."""
