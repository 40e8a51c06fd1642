mien live --source film.mp4
