"""What people read, in each language that ships: texts, and cards and notices made of them."""
