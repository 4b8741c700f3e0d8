// Does the database answer?
// column answer: 1
RETURN 1 AS answer
