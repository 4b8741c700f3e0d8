// One Feature for each name
CREATE CONSTRAINT hedonic_feature_name IF NOT EXISTS FOR (n:Feature) REQUIRE n.name IS UNIQUE
