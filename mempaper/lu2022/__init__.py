"""Lu, Hasson & Norman (2022): when to retrieve and when to encode episodic memories."""
