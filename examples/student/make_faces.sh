python examples/student/make_faces.py faces.csv
