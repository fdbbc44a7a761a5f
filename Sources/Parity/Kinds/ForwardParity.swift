internal import Documents
internal import JSON

/// Recorded forward passes: logits and hidden states, or with `part` `cache` passes beside a key/value cache.
struct ForwardParity: ParityKind {
    enum Part: String {
        case forward
        case cache
    }

    let family: String
    let part: Part

    var name: String { "\(family)/\(part)" }
    var file: String { "forward_index.json" }

    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws {
        let index = try folder.cases(of: file)
        var count = 0
        for entry in try index.elements("files") {
            let model = try entry.string("model")
            guard try folder.family(ofModel: model) == family else { continue }
            let cases = try entry.elements("cases").filter {
                try GoldenForward.usesCache($0) == (part == .cache)
            }
            guard !cases.isEmpty else { continue }
            count += cases.count
            let golden = try GoldenForward(folder, entry, tolerance: index.node["tolerance"])
            for node in cases {
                let id = "\(model)/\(try node.string("name"))"
                do {
                    tally.record(try golden.failure(of: node).map { "\(id): \($0)" })
                } catch {
                    tally.record("\(id): \(error)")
                }
            }
        }
        if count == 0 { tally.skip("the file has no \(family) cases") }
    }
}
