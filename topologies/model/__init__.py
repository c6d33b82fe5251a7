"""What a file may say: its models, the catalogue, and the lines on which fields stand."""
