"""What the server costs, in ratios against a reference measured in the same run."""
