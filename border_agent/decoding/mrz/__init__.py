"""Machine readable zones from a picture: OpenCV finds the lines, a small network of our own reads the characters."""
