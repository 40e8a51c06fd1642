"""A million photos and videos into one data set: shards, many workers, gone on with after any death."""
