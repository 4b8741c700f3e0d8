"""What a person needs to look at the graph in Neo4j Browser: a style, and the queries as favourites."""
