/// How the elements of a tensor are stored: the types that this program reads, by their numbers in the format.
public enum GGUFTensorType: UInt32, Sendable, CaseIterable {
    case float32 = 0
    case float16 = 1
    case bfloat16 = 30
    case q80 = 8
    case q40 = 2
    case q41 = 3
    case q50 = 6
    case q51 = 7
    case q4K = 12
    case q5K = 13
    case q6K = 14

    /// The name that ggml gives it.
    public var name: String {
        switch self {
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .q80: "Q8_0"
        case .q40: "Q4_0"
        case .q41: "Q4_1"
        case .q50: "Q5_0"
        case .q51: "Q5_1"
        case .q4K: "Q4_K"
        case .q5K: "Q5_K"
        case .q6K: "Q6_K"
        }
    }

    /// Elements of a row that share scales, and the bytes that they take.
    public var block: (elements: Int, bytes: Int) {
        switch self {
        case .float32: (1, 4)
        case .float16, .bfloat16: (1, 2)
        case .q80: (32, 34)
        case .q40: (32, 18)
        case .q41: (32, 20)
        case .q50: (32, 22)
        case .q51: (32, 24)
        case .q4K: (256, 144)
        case .q5K: (256, 176)
        case .q6K: (256, 210)
        }
    }

    /// What another type of the format is called.
    static func otherName(_ number: UInt32) -> String {
        others[number].map { "\($0) (\(number))" } ?? "\(number)"
    }

    private static let others: [UInt32: String] = [
        9: "Q8_1", 10: "Q2_K", 11: "Q3_K", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS",
        19: "IQ1_S",
        20: "IQ4_NL", 21: "IQ3_S", 22: "IQ2_S", 23: "IQ4_XS", 24: "I8", 25: "I16", 26: "I32", 27: "I64",
        28: "F64", 29: "IQ1_M", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4",
    ]
}
