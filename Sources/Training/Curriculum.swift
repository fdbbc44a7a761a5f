/// How the mask ratio and the window grow while a student is distilled (paper, "curriculum noise" and
/// "curriculum window"; `d3llm_llada_train.py`).
public enum Curriculum {
    /// Lower bound of the mask ratio at a step; the ratio itself is drawn from [bound, maximum).
    ///
    /// The paper states that the ratio grows; the released code draws it between a growing bound and the
    /// maximum, so that early steps already see high ratios. This is the code's rule.
    public static func ratioLowerBound(
        step: Int, of steps: Int, minimum: Double, maximum: Double
    ) -> Double {
        guard steps > 0 else { return minimum }
        return minimum + min(Double(step) / Double(steps), 1) * (maximum - minimum)
    }

    /// Window length at a (fractional) epoch: linear between `sizes[floor(epoch)]` and the next entry, the last
    /// entry constant, truncated to whole tokens.
    public static func windowLength(_ sizes: [Int], epoch: Double?) -> Int {
        precondition(!sizes.isEmpty, "a window curriculum needs at least one length")
        guard let epoch, epoch > 0 else { return sizes[0] }
        let index = Int(epoch.rounded(.down))
        guard index < sizes.count - 1 else { return sizes[sizes.count - 1] }
        let (low, high) = (Double(sizes[index]), Double(sizes[index + 1]))
        return Int(low + (epoch - Double(index)) * (high - low))
    }
}
