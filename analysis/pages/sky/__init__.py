"""Figures of a sky at an instant: the globe, the map, planes, passes over a station, the way of two nodes."""
