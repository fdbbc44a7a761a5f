internal import Files
internal import JSON
internal import Numerics
internal import Ranks
internal import Recipes
internal import Runs
internal import Training
internal import Transformers

/// The frames in which lanes of a batch travel: explicit, number by number, large buffers as they are.
enum LaneFrames {
    // MARK: The model

    /// Writes a configuration as its document, and behind it what the other side has to come to.
    static func put(_ c: TransformerConfiguration, _ precision: TrainingPrecision, _ w: inout FrameWriter) {
        // A number without a form leaves nothing, which the other side refuses.
        w.put(array: (try? c.document.canonicalBytes()) ?? [])
        w.put(fingerprint(of: c))
        w.put(precision.rawValue)
    }

    /// Reads a configuration.
    ///
    /// - Throws: `FrameError` unless it is, property by property, the one that was written.
    static func model(_ r: inout FrameReader) throws -> (TransformerConfiguration, TrainingPrecision) {
        let c: TransformerConfiguration
        do {
            let document = try JSONDocument(parsing: try r.array(UInt8.self), name: "model")
            c = try TransformerConfiguration(document: JSONValue(document.root))
        } catch let error as FrameError {
            throw error
        } catch {
            throw FrameError(description: "it describes no model: \(error)")
        }
        guard try r.text() == fingerprint(of: c) else {
            throw FrameError(description: "its model isn't whole: a property of the configuration was lost")
        }
        let name = try r.text()
        guard let precision = TrainingPrecision(rawValue: name) else {
            throw FrameError(description: "it describes no model: \(name) is no precision")
        }
        return (c, precision)
    }

    /// Writes which adapter is trained, if one is, and its base where the other side doesn't have it yet.
    static func put(
        _ adapter: (options: AdapterTraining.Options, base: FlatParameters)?, withBase: Bool,
        _ w: inout FrameWriter
    ) {
        w.put(UInt8(adapter == nil ? 0 : 1))
        guard let adapter else { return }
        w.put(adapter.options.rank)
        w.put(adapter.options.alpha)
        w.put(adapter.options.targets.count)
        for target in adapter.options.targets { w.put(target.rawValue) }
        w.put(UInt8(withBase ? 1 : 0))
        if withBase { put(adapter.base.buffer, &w) }
    }

    /// Reads which adapter is trained, if one is.
    ///
    /// - Returns: Its options, and the base where it comes with them.
    static func adapter(
        _ r: inout FrameReader, _ configuration: TransformerConfiguration
    ) throws -> (options: AdapterTraining.Options, base: FlatParameters?)? {
        guard try r.bool() else { return nil }
        let (rank, alpha) = (try r.number(Int.self), try r.double())
        let targets = try (0..<r.length(of: 8)).map { _ in
            let name = try r.text()
            guard let role = ParameterRole.BlockRole(rawValue: name) else {
                throw FrameError(description: "\(name) is no matrix of a block")
            }
            return role
        }
        let most = configuration.parameterSpecifications.map { max($0.rows, $0.columns) }.max() ?? 0
        guard (1...max(1, most)).contains(rank), alpha.isFinite, !targets.isEmpty else {
            throw FrameError(description: "its adapter fits no model")
        }
        let options = AdapterTraining.Options(rank: rank, alpha: alpha, targets: targets)
        guard try r.bool() else { return (options, nil) }
        let base = FlatParameters(zeros: configuration)
        try read(&r, into: base.buffer)
        return (options, base)
    }

    /// Of all stored properties, those that nobody thought of too.
    private static func fingerprint(of c: TransformerConfiguration) -> String {
        SHA256.hex(of: Array(c.propertyText.utf8))
    }

    private static func put(_ attention: AttentionPattern, _ w: inout FrameWriter) {
        switch attention {
        case .bidirectional: w.put(UInt8(0))
        case .causal: w.put(UInt8(1))
        case .blockCausal(let promptLength, let blockLength):
            w.put(UInt8(2))
            w.put(promptLength)
            w.put(blockLength)
        }
    }

    private static func attention(_ r: inout FrameReader) throws -> AttentionPattern {
        switch try r.number(UInt8.self) {
        case 0: return .bidirectional
        case 1: return .causal
        case 2: return .blockCausal(promptLength: try r.number(), blockLength: max(1, try r.number()))
        case let other: throw FrameError(description: "\(other) is no pattern of attention")
        }
    }

    // MARK: The task

    /// Writes a task; of the soft targets only the rows that its sequences refer to.
    static func put(_ task: LaneTask, _ w: inout FrameWriter) {
        w.put(UInt8(task.hasTwoPhases ? 1 : 0))
        w.put(UInt8(task.recomputes ? 1 : 0))
        w.put(task.temperature)
        w.put(task.groups.count)
        for group in task.groups {
            w.put(group.name)
            w.put(group.crossEntropy)
            w.put(group.entropy)
            w.put(UInt8(group.normalization == .sum ? 1 : 0))
        }
        put(task.normalizers, &w)
        var softRows: [Int] = []
        w.put(task.parts.count)
        for part in task.parts {
            w.put(part.lane)
            w.put(part.shards.count)
            for shard in part.shards {
                w.put(shard.count)
                for sequence in shard { put(sequence, &softRows, &w) }
            }
        }
        guard let soft = task.softTargets, !softRows.isEmpty else {
            w.put(0)
            return
        }
        w.put(softRows.count)
        w.put(soft.columns)
        w.reserve(softRows.count * soft.columns * 4)
        for row in softRows {
            w.put(
                bytes: UnsafeRawBufferPointer(
                    start: soft.pointer + row * soft.stride, count: soft.columns * 4))
        }
    }

    private static func put(_ sequence: TrainingSequence, _ softRows: inout [Int], _ w: inout FrameWriter) {
        w.put(array: sequence.tokens)
        put(sequence.attention, &w)
        w.put(UInt8(sequence.geometry == nil ? 0 : 1))
        if let geometry = sequence.geometry {
            w.put(array: geometry.positions)
            w.put(
                array: geometry.visible.flatMap { keys in
                    [keys.prefix, keys.window.lowerBound, keys.window.upperBound].map(Int32.init)
                })
        }
        w.put(sequence.rows.count)
        for row in sequence.rows {
            w.put(Int32(row.row))
            w.put(row.target)
            w.put(Int32(row.group))
            w.put(row.weight)
            if let soft = row.softTarget {
                w.put(Int32(softRows.count))
                softRows.append(soft)
            } else {
                w.put(Int32(-1))
            }
        }
        w.put(sequence.residuals.count)
        for residual in sequence.residuals {
            w.put(Int32(residual.row))
            w.put(residual.share)
            w.put(Int32(softRows.count))
            softRows.append(residual.distribution)
            w.put(UInt8(residual.flows ? 1 : 0))
        }
    }

    static func task(_ r: inout FrameReader, vocabulary: Int) throws -> LaneTask {
        let (twoPhases, recomputes) = (try r.bool(), try r.bool())
        let temperature = try r.float()
        let groups = try (0..<r.length(of: 8)).map { _ in
            let (name, crossEntropy, entropy) = (try r.text(), try r.float(), try r.float())
            return LossGroup(
                name, crossEntropy: crossEntropy, entropy: entropy,
                normalization: try r.bool() ? .sum : .weightedMean)
        }
        let normalizers = try self.normalizers(&r)
        let parts = try (0..<r.length(of: 16)).map { _ in
            let lane = try r.number(Int.self)
            return LanePart(
                lane: lane,
                shards: try (0..<r.length(of: 8)).map { _ in
                    try (0..<r.length(of: 16)).map { _ in
                        try sequence(&r, groups: groups.count, vocabulary: vocabulary)
                    }
                })
        }
        let softTargets = try softTargets(&r)
        let known = softTargets?.rows ?? 0
        let asked = parts.lazy.flatMap(\.shards).joined().flatMap { sequence in
            sequence.rows.compactMap(\.softTarget) + sequence.residuals.map(\.distribution)
        }
        guard asked.allSatisfy({ $0 < known }) else {
            throw FrameError(description: "a row names a distribution that isn't there")
        }
        return LaneTask(
            parts: parts, groups: groups, temperature: temperature, softTargets: softTargets,
            hasTwoPhases: twoPhases, recomputes: recomputes, normalizers: normalizers)
    }

    private static func sequence(_ r: inout FrameReader, groups: Int, vocabulary: Int) throws
        -> TrainingSequence
    {
        let tokens = try r.array(Int32.self)
        let attention = try attention(&r)
        let geometry = try r.bool() ? geometry(&r, length: tokens.count) : nil
        let rows = try (0..<r.length(of: 20)).map { _ in
            let (row, target, group) = (
                try r.number(Int32.self), try r.number(Int32.self), try r.number(Int32.self)
            )
            let (weight, soft) = (try r.float(), try r.number(Int32.self))
            guard tokens.indices.contains(Int(row)), (0..<groups).contains(Int(group)),
                (0..<vocabulary).contains(Int(target))
            else { throw FrameError(description: "a row is outside of its sequence") }
            return LossRow(
                row: Int(row), target: target, group: Int(group), weight: weight,
                softTarget: soft < 0 ? nil : Int(soft))
        }
        var sequence = TrainingSequence(tokens: tokens, attention: attention, geometry: geometry, rows: rows)
        sequence.residuals = try (0..<r.length(of: 13)).map { _ in
            let (row, share) = (try r.number(Int32.self), try r.float())
            let (distribution, flows) = (try r.number(Int32.self), try r.bool())
            guard tokens.indices.contains(Int(row)), (0...1).contains(share), distribution >= 0 else {
                throw FrameError(description: "a residual is outside of its sequence")
            }
            return ResidualRow(row: Int(row), share: share, distribution: Int(distribution), flows: flows)
        }
        return sequence
    }

    private static func geometry(_ r: inout FrameReader, length: Int) throws -> RowGeometry {
        let (positions, keys) = (try r.array(Int32.self), try r.array(Int32.self))
        let wrong = FrameError(description: "a row sees what its sequence doesn't have")
        guard positions.count == length, keys.count == 3 * length else { throw wrong }
        let visible = try stride(from: 0, to: keys.count, by: 3).map { place in
            let (prefix, start, end) = (Int(keys[place]), Int(keys[place + 1]), Int(keys[place + 2]))
            guard (0...length).contains(prefix), start <= end, end <= length, start == end || start >= prefix
            else { throw wrong }
            return VisibleKeys(prefix: prefix, window: start..<end)
        }
        guard positions.allSatisfy({ (0..<1 << 24).contains($0) }) else { throw wrong }
        return RowGeometry(positions: positions, visible: visible)
    }

    private static func softTargets(_ r: inout FrameReader) throws -> Matrix? {
        let count = try r.number(Int.self)
        guard count > 0 else { return nil }
        let columns = try r.number(Int.self)
        guard columns > 0, count <= r.remaining / 4 / columns else {
            throw FrameError(description: "it ends in the middle of its soft targets")
        }
        let buffer = FloatBuffer(zeros: count * columns)
        try r.rawFloats(into: UnsafeMutableBufferPointer(start: buffer.pointer, count: buffer.count))
        return buffer.matrix(rows: count, columns: columns).view
    }

    // MARK: Sums and losses

    static func put(_ normalizers: Normalizers, _ w: inout FrameWriter) {
        w.put(normalizers.sums.count)
        for sums in normalizers.sums {
            for number in [sums.weight, sums.crossEntropy, sums.entropy] { w.put(number) }
            w.put(sums.rows)
            w.put(sums.correct)
        }
    }

    static func normalizers(_ r: inout FrameReader) throws -> Normalizers {
        Normalizers(
            try (0..<r.length(of: 40)).map { _ in
                var sums = Normalizers.Sums()
                sums.weight = try r.double()
                sums.crossEntropy = try r.double()
                sums.entropy = try r.double()
                sums.rows = try r.number()
                sums.correct = try r.number()
                return sums
            })
    }

    static func put(_ losses: LaneLosses, _ w: inout FrameWriter) {
        w.put(losses.count)
        for shard in losses {
            w.put(shard.count)
            for loss in shard {
                w.put(loss.crossEntropy)
                w.put(loss.entropy)
                w.put(UInt8(loss.isCorrect ? 1 : 0))
            }
        }
    }

    /// The losses of a lane.
    ///
    /// - Throws: `FrameError` unless they are those of the part's rows.
    static func losses(of part: LanePart, _ r: inout FrameReader) throws -> LaneLosses {
        guard try r.length(of: 8) == part.shards.count else {
            throw FrameError(description: "it has other shards")
        }
        return try part.shards.map { shard in
            let count = try r.length(of: 9)
            guard count == shard.reduce(0, { $0 + $1.rows.count }) else {
                throw FrameError(description: "it has other rows")
            }
            return try (0..<count).map { _ in
                RowLoss(
                    crossEntropy: try r.float(), entropy: try r.float(), isCorrect: try r.bool())
            }
        }
    }

    static func put(_ numbers: FloatBuffer, _ w: inout FrameWriter) {
        w.put(array: UnsafeBufferPointer(start: numbers.pointer, count: numbers.count))
    }

    static func read(_ r: inout FrameReader, into numbers: FloatBuffer) throws {
        try r.floats(into: UnsafeMutableBufferPointer(start: numbers.pointer, count: numbers.count))
    }
}
