"""Engines: each turns a request into a stream of text; see base."""
