internal import Documents
internal import JSON
internal import SystemPackage

extension CoverageItem {
    init(key: String, _ reader: NodeReader) throws {
        try reader.allow([
            "work", "kind", "title", "table", "config", "state", "reason", "record", "published",
        ])
        self.key = key
        work = try reader.required("work").string()
        kind = try reader.choice("kind")
        title = try reader.required("title").string()
        table = try reader["table"]?.string()
        config = try reader["config"]?.string()
        state = try reader.choice("state")
        reason = try reader.required("reason").string()
        record = try reader["record"].map { record in
            try record.allow(["file", "statement"])
            return Record(
                file: FilePath(try record.required("file").string()),
                statement: try record.required("statement").string())
        }
        predicate = try reader["published"].map { predicate in
            try predicate.allow(["left", "right", "factor"])
            return Predicate(
                left: try predicate.required("left").string(),
                right: try predicate.required("right").string(),
                factor: try predicate["factor"]?.number() ?? 1)
        }
        if state == .mini, record == nil {
            throw reader.error("What was tested needs a \"record\" of its verdict.")
        }
    }
}
