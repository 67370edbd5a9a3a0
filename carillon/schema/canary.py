"""The numbers of the canary call: nobody's, in a country code that is not in use."""

CALLED = "+9990000001"
"""What the sandbox carrier calls at the switch."""
ANSWERING = "+9990000002"
"""Where the switch passes the call on to, back at the sandbox carrier."""
