// One Model for each id
CREATE CONSTRAINT hedonic_model_id IF NOT EXISTS FOR (n:Model) REQUIRE n.id IS UNIQUE
