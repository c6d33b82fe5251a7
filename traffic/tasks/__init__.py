"""Tasks in a lane: what nodes hold, compute, draw from their batteries and send each other."""
