internal import COniguruma

/// A regular expression that cuts text, carried out by oniguruma.
///
/// Hugging Face's library uses the same engine with the same (Ruby's) syntax, so that every pattern of a
/// `tokenizer.json` means the same here: possessive quantifiers, look-ahead, Unicode properties, case folding.
///
/// `@unchecked Sendable` is safe: oniguruma only reads a compiled expression while it matches, each match keeps its
/// state on its own stack, and the pointer never changes before the object is gone.
final class SplitPattern: @unchecked Sendable {
    /// Why a pattern can't be compiled, in oniguruma's words.
    struct SyntaxError: Error, Sendable {
        let reason: String
    }

    /// Why a match was given up: the pattern takes too many steps or too much memory on some text.
    struct Exhaustion: Error, Sendable {
        let error: TokenizerError
    }

    /// The pattern as it was written.
    let source: String
    /// Where it stands, for errors: file and JSON path.
    private let place: (location: String, path: String)
    private let expression: OnigRegex

    /// Steps back that the matches of one text may take in all, beside ``shortStepLimit`` for each.
    ///
    /// Patterns of real tokenizers take a few per byte of text, since their repetitions leave nothing to try again. Beyond
    /// this a text is given up with an error, never without a word, after some seconds; nothing can interrupt the library
    /// in a match.
    static let stepLimit: UInt = 200_000_000
    /// Steps that each match may take uncounted.
    ///
    /// One that takes more is begun again with four times as many each time, because the library doesn't say how many it
    /// took.
    static let shortStepLimit: UInt = 1024
    /// Places that a match may keep to step back to: one per repetition that isn't possessive, some 40 bytes each.
    static let stackLimit: UInt32 = 1 << 24
    /// How deep a pattern's groups may stand in each other, which the library reads by recursion.
    private static let depthLimit: UInt32 = 500

    /// Compiles `source`.
    ///
    /// - Parameter place: where it stands, for errors: file and JSON path.
    init(
        _ source: String, at place: (location: String, path: String) = ("tokenizer", "$")
    ) throws(SyntaxError) {
        guard Self.libraryStatus == ONIG_NORMAL else {
            throw SyntaxError(reason: "oniguruma can't be set up (code \(Self.libraryStatus))")
        }
        var expression: OnigRegex?
        var info = OnigErrorInfo()
        var text = source
        // The reason points into the pattern, so that it has to be read before the pattern's bytes are gone.
        let failure: String? = text.withUTF8 { bytes in
            // An empty buffer has no address, which oniguruma would read.
            withUnsafePointer(to: UInt8(0)) { nothing in
                let start = bytes.baseAddress ?? nothing
                let status = onig_new(
                    &expression, start, start + bytes.count, ONIG_OPTION_NONE, d3llm_onig_utf8(),
                    d3llm_onig_ruby(), &info)
                return status == ONIG_NORMAL ? nil : Self.message(status, &info)
            }
        }
        if let failure { throw SyntaxError(reason: failure) }
        guard let expression else { throw SyntaxError(reason: "no expression came out") }
        self.source = source
        self.place = place
        self.expression = expression
    }

    /// Compiles a pattern that matches exactly `text`.
    convenience init(
        literal text: String, at place: (location: String, path: String) = ("tokenizer", "$")
    ) throws(SyntaxError) {
        var pattern = ""
        for scalar in text.unicodeScalars {
            // Escapes of other characters would have a meaning of their own.
            if #"\.*+?|()[]{}^$"#.unicodeScalars.contains(scalar) { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        try self.init(pattern, at: place)
    }

    deinit { onig_free(expression) }

    /// The first match at or behind `start`, as offsets from the beginning of `text`.
    ///
    /// - Parameters:
    ///   - text: what the pattern sees: its anchors and look-around end where it ends.
    ///   - start: where to begin; at a scalar's first byte.
    ///   - region: keeps the place of a match that isn't at `start`, and why a match was given up: from then on nothing
    ///     is found.
    func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from start: Int, _ region: MatchRegion
    ) -> Range<Int>? {
        guard let base = text.baseAddress, !region.hasFailed else { return nil }
        let end = base + text.count
        // The patterns of tokenizers match nearly everywhere; trying the place itself first is faster than searching.
        let length = region.limited { parameters in
            onig_match_with_param(
                expression, base, end, base + start, nil, ONIG_OPTION_NONE, parameters)
        }
        if length >= 0 { return start..<(start + Int(length)) }
        guard length == ONIG_MISMATCH else { return give(up: length, region) }
        let status = region.limited { parameters in
            onig_search_with_param(
                expression, base, end, base + start, end, region.pointer, ONIG_OPTION_NONE, parameters)
        }
        if status == ONIG_MISMATCH { return nil }
        guard status >= 0 else { return give(up: status, region) }
        return region.wholeMatch
    }

    /// Sets the library up, once.
    fileprivate static let libraryStatus: Int32 = {
        var encodings: [OnigEncoding?] = [d3llm_onig_utf8()]
        let status = onig_initialize(&encodings, 1)
        _ = onig_set_match_stack_limit_size(stackLimit)
        _ = onig_set_parse_depth_limit(depthLimit)
        return status
    }()

    private static func message(_ status: Int32, _ info: inout OnigErrorInfo) -> String {
        let text = [UInt8](unsafeUninitializedCapacity: Int(ONIG_MAX_ERROR_MESSAGE_LEN) + 1) {
            buffer, count in
            count = Int(max(0, d3llm_onig_error_message(buffer.baseAddress, status, &info)))
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Notes why a match isn't looked for any further.
    private func give(up status: Int32, _ region: MatchRegion) -> Range<Int>? {
        var info = OnigErrorInfo()
        region.fail(
            Exhaustion(
                error: TokenizerError(
                    location: place.location, path: place.path,
                    message:
                        "The regular expression `\(source)` takes too long on this text, or too much memory (oniguruma: \(Self.message(status, &info))). Simplify it: no repetition should stand in a repetition of the same text."
                )))
        return nil
    }
}

/// Where oniguruma notes what it found; each thread needs its own.
final class MatchRegion {
    fileprivate let pointer: UnsafeMutablePointer<OnigRegion>
    /// The library's own, which hold its limits.
    private let parameters: OpaquePointer
    private var failure: SplitPattern.Exhaustion?
    /// Steps of the matches of a text that took more than the uncounted ones.
    private var steps: UInt = 0

    init() {
        // The library's limits are copied to each region's.
        _ = SplitPattern.libraryStatus
        // As everywhere in Swift, a lack of memory for a few bytes ends the process.
        guard let pointer = onig_region_new(), let parameters = onig_new_match_param() else {
            preconditionFailure("out of memory")
        }
        self.pointer = pointer
        self.parameters = parameters
        limit(to: SplitPattern.shortStepLimit)
    }

    private func limit(to steps: UInt) {
        _ = onig_set_retry_limit_in_match_of_match_param(parameters, steps)
        _ = onig_set_retry_limit_in_search_of_match_param(parameters, steps)
    }

    /// Has a match tried with more and more steps, until it ends or the text's steps are used up.
    fileprivate func limited<Status: BinaryInteger>(_ attempt: (OpaquePointer) -> Status) -> Status {
        var status = attempt(parameters)
        guard Self.isExhausted(status) else { return status }
        var allowed = SplitPattern.shortStepLimit
        while Self.isExhausted(status) {
            steps += allowed
            let next = min(4 * allowed, SplitPattern.stepLimit - min(steps, SplitPattern.stepLimit))
            // Fewer than failed are no use.
            guard next > allowed else { break }
            allowed = next
            limit(to: allowed)
            status = attempt(parameters)
        }
        limit(to: SplitPattern.shortStepLimit)
        return status
    }

    private static func isExhausted(_ status: some BinaryInteger) -> Bool {
        status == ONIGERR_RETRY_LIMIT_IN_MATCH_OVER || status == ONIGERR_RETRY_LIMIT_IN_SEARCH_OVER
    }

    /// Whether a match was given up.
    var hasFailed: Bool { failure != nil }

    /// Why a match was given up, at the end of a text: it is forgotten by that, as are the steps that were taken.
    func takeFailure() -> SplitPattern.Exhaustion? {
        defer { (failure, steps) = (nil, 0) }
        return failure
    }

    fileprivate func fail(_ reason: SplitPattern.Exhaustion) { failure = failure ?? reason }

    deinit {
        onig_region_free(pointer, 1)
        onig_free_match_param(parameters)
    }

    /// The whole match of the last search that found something.
    fileprivate var wholeMatch: Range<Int> { Int(pointer.pointee.beg[0])..<Int(pointer.pointee.end[0]) }
}
