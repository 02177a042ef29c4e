"""Administration of Kafka: making a broker agree with the lists of topics and of rights in ``schemas/``."""
