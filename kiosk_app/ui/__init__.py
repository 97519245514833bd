"""What screens are made of.

look       sizes in millimetres, colours, type: one value that says how everything is drawn now
fonts, shaping   which font holds a character; Arabic joined, ordered and broken into lines
art        the project's SVG pictures as textures
text, press, frame, preview   the widgets: words, buttons, a screen's frame, the camera's picture
glass      the true window, asserted; Kivy's settings, before anything else of Kivy is imported
"""
