mien data explore faces.csv --out explored
mien data leaks faces.csv --drop copies.csv
