"""mien reads facial expressions: how a face looks to viewers, not what a person feels."""

__version__ = "0.1.0"
