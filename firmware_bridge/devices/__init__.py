"""Drivers, one device a file. Import the module you need: the camera's brings in OpenCV."""
