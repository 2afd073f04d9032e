"""Bytes of other tools: protobuf, TFRecord, LevelDB; one reader and one writer each."""
