"""Tosho (東証): predictions for every stock of the Tokyo Stock Exchange, before the next open."""
