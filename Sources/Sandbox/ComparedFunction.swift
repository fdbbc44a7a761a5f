/// A function of a program whose answers somebody else compares with the right ones.
///
/// The function and what it is compared with never share a process: the program's process knows the inputs, the grader's
/// gets the answers as plain values. Whatever a program does to its own interpreter, it has to give the right answers.
public struct ComparedFunction: Sendable, Hashable {
    /// The name of the function.
    public let entryPoint: String
    /// Python that gives `inputs`, a list of lists of arguments.
    public let inputs: String
    /// Python that gives `judge`, a function of an iterator over the answers.
    ///
    /// It raises where one is wrong, returns True when it has compared all, and False where answers are missing.
    public let grader: String
    /// Whether an answer that can be walked through once, such as a generator, counts as the values that it gives.
    public let takesIterators: Bool

    public init(entryPoint: String, inputs: String, grader: String, takesIterators: Bool = false) {
        self.entryPoint = entryPoint
        self.inputs = inputs
        self.grader = grader
        self.takesIterators = takesIterators
    }
}
