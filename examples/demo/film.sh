python examples/portrait_film.py film.mp4 --people 2
