"""What our kinds look like as declared classes, and how a manifest becomes something that the engine can serve."""
