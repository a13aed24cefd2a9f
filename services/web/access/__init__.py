"""Who may ask for what: tokens, their scopes, the gate in front of both APIs, and the log of what operators did."""
