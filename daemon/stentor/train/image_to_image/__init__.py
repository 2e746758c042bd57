"""Image to image: training of models that restore a plane or paint a stain. Knows cameras, noise and similarity."""
