"""Networks that paint, or enlarge, a picture in one pass: training them and using them."""
