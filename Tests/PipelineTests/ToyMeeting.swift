import ArtifactStore
import JSON
import Recipes
import Runs
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Waits until so many stages of its group run at once, which only works when they do.
struct ToyMeeting: StageKind {
    static let name = "meeting"
    static let version = 1
    static let summary = "Meets others."
    static let output = ArtifactType("meeting")

    enum Behaviour: String, CaseIterable { case ends, fails, lasts }
    struct Broken: Error, CustomStringConvertible { let description = "The toy broke." }

    let group: String
    let size: Int
    let after: [ArtifactReference?]
    let behaviour: Behaviour

    init(_ fields: Fields) {
        group = fields.string("group", "Who meets.")
        size = fields.integer("size", default: 1, in: 0...9, "How many.")
        after = ["after", "and"].map {
            fields.optionalArtifact($0, types: [Self.output], "Whom it follows.")
        }
        behaviour = fields.choice("behaviour", default: .ends, "What it does then.", role: .execution)
    }

    private static let present = Mutex<[String: Int]>([:])

    func run(_ context: StageContext) throws -> StageResult {
        let journal = try context.journal("samples")
        if journal.count == 0 { try journal.append(.integer(0), "here") }
        Self.present.withLock { $0[group, default: 0] += 1 }
        for _ in 0..<1000 where Self.present.withLock({ $0[group] ?? 0 }) < size { usleep(10_000) }
        guard Self.present.withLock({ $0[group] ?? 0 }) >= size else { throw Broken() }
        if behaviour == .fails { throw Broken() }
        if behaviour == .lasts {
            for _ in 0..<1000 {
                try context.checkCancellation()
                usleep(10_000)
            }
        }
        return StageResult(summary: "met \(size)")
    }
}
