// One Coalition for each id
CREATE CONSTRAINT hedonic_coalition_id IF NOT EXISTS FOR (n:Coalition) REQUIRE n.id IS UNIQUE
