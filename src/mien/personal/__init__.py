"""Learning one person's face, and faces worth labelling: `Sitting` gathers faces and makes a `Profile`."""
