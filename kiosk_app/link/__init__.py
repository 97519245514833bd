"""The window's end of the agent's local API: threads that ask and listen, and hand events to the window.

agent      `Link`: carries out the flow's commands, in their order; the sign of life, once a second
following  one inspection's stream, for as long as the flow follows it
camera     the face camera's frames, while the flow watches it
reading    the agent's JSON as the flow's frozen values: bounded, and never an exception
slips      a slip in the traveller's language, as rows of dots
"""
