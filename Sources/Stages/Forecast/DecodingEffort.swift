internal import Base
internal import Decoding

/// How many forwards a decoder is expected to make for a response, and how large they are.
///
/// What a decoder accepts depends on how sure its model is, which nobody knows beforehand; the expectations here are
/// those of models trained for the task. With c the smallest probability and e the largest entropy that is accepted, a
/// forward gives about 1.9 + 5.5 (1 − c) or 1.6 + 5.3 √e tokens, a third more where several blocks are decoded at
/// once, and at most 85 % of a block: fitted to the sweeps of the mini experiments, where single settings differ from it
/// by up to a half. Rules that plan their forwards are counted.
struct DecodingEffort {
    /// Forwards per response.
    var forwards: Double
    /// Tokens fed in, per forward.
    var tokens: Double
    /// Tokens in the cache meanwhile.
    var cached: Double
    /// Rows of logits per forward.
    var logitRows: Double

    /// - Parameters:
    ///   - prompt: Tokens of a prompt.
    ///   - answer: Tokens of an answer, its end token included.
    init(_ decoder: DecoderFields, prompt: Double, answer: Double) {
        let options = Options(decoder)
        let length = options.length
        let block = min(options.block, length)
        let answer = min(answer, length)
        // Without an early stop the rest is decoded as well, one end token after another.
        let wanted = options.stopsEarly ? min(length, (answer / block).rounded(.up) * block) : length
        switch options.method {
        case "autoregressive":
            forwards = answer
            // The prompt is fed once.
            tokens = (prompt + answer) / answer
            cached = prompt + answer / 2
            logitRows = 1
            return
        case "d2f":
            forwards = max(wanted / options.rate(limit: block), wanted / block)
            tokens = min(wanted, 1.6 * block) + prompt / forwards
            cached = prompt + wanted / 2
            logitRows = min(tokens, 1.5 * block)
            return
        default: break
        }
        let perForward = options.rate(limit: block)
        // Several blocks at once end with the answer, not with its block.
        let decoded = options.isMultiBlock && options.stopsEarly ? answer : wanted
        forwards = options.steps.map { $0 * wanted / length } ?? max(decoded / perForward, 1)
        let whole = prompt + length
        tokens = whole
        cached = 0
        logitRows = options.isMultiBlock ? min(length, 2 * block) : block * 0.6
        if options.method == "dream" { logitRows = length / 2 }
        let blocks = wanted / block
        if options.method.byteText.hasSuffix("prefix-cache") {
            // The block's first forward sees everything, the others what is behind the cache.
            let suffix = length - (wanted - block) / 2
            tokens = (blocks * whole + max(0, forwards - blocks) * suffix) / max(forwards, blocks)
            forwards = max(forwards, blocks) + blocks / 2
            cached = whole - tokens
        } else if options.method.byteText.hasSuffix("dual-cache") {
            tokens = (blocks * whole + max(0, forwards - blocks) * block) / max(forwards, blocks)
            forwards = max(forwards, blocks) + blocks / 2
            cached = whole - tokens
        } else if options.method == "multi-block-cache" {
            let interval = min(options.refreshInterval, max(1, forwards))
            tokens = (whole + (interval - 1) * 0.85 * length) / interval
            cached = whole - tokens
        }
    }
}

extension DecodingEffort {
    /// The options that matter, whichever the method has.
    private struct Options {
        let method: String
        let length: Double
        let block: Double
        /// Forwards that are planned for the whole length; nil where acceptance decides.
        let steps: Double?
        let stopsEarly: Bool
        let refreshInterval: Double
        private let rule: String
        private let threshold: Double?

        var isMultiBlock: Bool { method.byteText.hasPrefix("multi-block") || method == "d2f" }

        init(_ decoder: DecoderFields) {
            func number(_ name: String) -> Double? { (try? decoder.number(name)) ?? nil }
            method = decoder.method
            length = number("generationLength") ?? 256
            block = number("blockLength") ?? length
            stopsEarly = decoder.flag("earlyStop") ?? false
            refreshInterval = number("refreshInterval") ?? 1
            let given = decoder.text("rule")
            rule =
                given
                ?? (method == "d2f"
                    ? "confidence" : method.byteText.hasPrefix("multi-block") ? "entropy" : "scheduled")
            threshold = number(method == "d2f" ? "skipThreshold" : "threshold")
            let isPlanned =
                ["scheduled", "probability", "margin", "random"].contains(rule)
                || (method == "dream" && rule == "entropy")
            steps = isPlanned ? number("steps") ?? length : nil
        }

        /// Tokens that a forward gives.
        func rate(limit block: Double) -> Double {
            let rate: Double
            switch rule {
            case "confidence", "threshold":
                let confidence = min(threshold ?? 0.9, 1)
                rate = confidence >= 1 ? 1 : 1.9 + 5.5 * (1 - confidence)
            case "entropy": rate = threshold.map { 1.6 + 5.3 * $0.squareRoot() } ?? block
            case "factor": rate = 3.4
            // Entropies below a bound of 0 don't exist: then the best one of a forward is taken.
            case "entropyBelow": rate = (threshold ?? 0) > 0 ? 1.6 + 5.3 * (threshold ?? 0).squareRoot() : 1
            default: rate = 1
            }
            let isOne = rate == 1
            return isOne ? 1 : max(1, min(rate * (isMultiBlock ? 1.35 : 1), 0.85 * block))
        }
    }
}
