using System.Buffers;

namespace MiniTorch.Cuda.Emulation;

/// <summary>Words and signs of PTX text, one at a time, comments left out. A word holds letters, digits and <c>_ $ % .</c> and the double colon; a sign is one character.</summary>
internal sealed class PtxReader
{
    static readonly SearchValues<char> bodySigns = SearchValues.Create("{}/\"");
    readonly string text;
    int next, nextLine;

    internal PtxReader(string text, int start = 0, int line = 1)
    {
        (this.text, next, nextLine) = (text, start, line);
        Advance();
    }

    /// <summary>Place of the current token.</summary>
    internal int Start { get; private set; }

    /// <summary>Length of the current token; 0 at the end of the text.</summary>
    internal int Length { get; private set; }

    /// <summary>Line of the current token, from 1.</summary>
    internal int Line { get; private set; }

    /// <summary>Where the token before this one ended.</summary>
    internal int PreviousEnd { get; private set; }

    internal bool AtEnd => Length == 0;

    internal ReadOnlySpan<char> Token => text.AsSpan(Start, Length);

    internal bool Is(char sign) => Length == 1 && text[Start] == sign;

    internal bool Is(string word) => Token.SequenceEqual(word);

    internal bool IsWord => Length > 0 && IsWordCharacter(text[Start]);

    internal bool IsDirective => Length > 1 && text[Start] == '.';

    internal void Advance()
    {
        PreviousEnd = Start + Length;
        SkipBlanks();
        (Start, Line) = (next, nextLine);
        if (next < text.Length)
        {
            if (text[next] == '"') next = Math.Max(text.IndexOf('"', next + 1) + 1, next + 1);
            else if (!IsWordCharacter(text[next])) next++;
            else while (next < text.Length && (IsWordCharacter(text[next]) || DoubleColon())) next++;
        }
        Length = next - Start;
    }

    internal bool Accept(char sign)
    {
        if (!Is(sign)) return false;
        Advance();
        return true;
    }

    internal bool Accept(string word)
    {
        if (!Is(word)) return false;
        Advance();
        return true;
    }

    internal void Expect(char sign)
    {
        if (!Accept(sign)) throw Unexpected($"'{sign}'");
    }

    internal string Name()
    {
        if (!IsWord) throw Unexpected("a name");
        string name = Token.ToString();
        Advance();
        return name;
    }

    internal int Count()
    {
        if (!int.TryParse(Token, out int value) || value < 0) throw Unexpected("a count");
        Advance();
        return value;
    }

    /// <summary>Skips to behind the brace that closes the one just read.</summary>
    internal void SkipBraces()
    {
        for (int depth = 1; depth > 0;)
        {
            if (AtEnd) throw Unexpected("'}'");
            if (Is('{')) depth++;
            if (Is('}') && --depth == 0) break;
            SkipToBrace();
        }
        Advance();
    }

    /// <summary>The text of the line in which the current token stands.</summary>
    internal string LineText => TextAt(Start, 0);

    /// <summary>The text of some tokens, or of a whole line where <paramref name="length"/> is 0, without comment.</summary>
    internal string TextAt(int start, int length)
    {
        if (length > 0) return text.Substring(start, length).Replace('\t', ' ');
        int from = text.LastIndexOf('\n', Math.Max(Math.Min(start, text.Length) - 1, 0)) + 1, to = text.IndexOf('\n', Math.Min(start, text.Length));
        ReadOnlySpan<char> line = text.AsSpan(from, (to < 0 ? text.Length : to) - from);
        int comment = line.IndexOf("//", StringComparison.Ordinal);
        return (comment < 0 ? line : line[..comment]).Trim().ToString().Replace('\t', ' ');
    }

    internal EmulationException Unexpected(string wanted) => new(AtEnd ? $"the text ends where {wanted} should stand" : $"'{Token}' stands where {wanted} should", null, Line, LineText);

    void SkipToBrace()
    {
        // Bodies are decoded when a kernel is first launched; until then only their end is looked for.
        int from = next;
        for (; ; )
        {
            int step = text.AsSpan(next).IndexOfAny(bodySigns);
            if (step < 0) { next = text.Length; break; }
            next += step;
            if (text[next] is '{' or '}') break;
            if (text[next] == '"') next = Math.Max(text.IndexOf('"', next + 1) + 1, next + 1);
            else if (next + 1 < text.Length && text[next + 1] == '/') next = EndOfLine(next);
            else if (next + 1 < text.Length && text[next + 1] == '*') next = EndOfComment(next);
            else next++;
        }
        nextLine += text.AsSpan(from, next - from).Count('\n');
        Advance();
    }

    void SkipBlanks()
    {
        while (next < text.Length)
        {
            char c = text[next];
            if (c == '\n') nextLine++;
            if (c is ' ' or '\t' or '\n' or '\r' or '\0') next++;
            else if (c == '/' && next + 1 < text.Length && text[next + 1] == '/') next = EndOfLine(next);
            else if (c == '/' && next + 1 < text.Length && text[next + 1] == '*')
            {
                int end = EndOfComment(next);
                nextLine += text.AsSpan(next, end - next).Count('\n');
                next = end;
            }
            else return;
        }
    }

    int EndOfLine(int from)
    {
        int end = text.IndexOf('\n', from);
        return end < 0 ? text.Length : end;
    }

    int EndOfComment(int from)
    {
        int end = text.IndexOf("*/", from + 2, StringComparison.Ordinal);
        return end < 0 ? text.Length : end + 2;
    }

    bool DoubleColon()
    {
        if (text[next] != ':' || next + 1 >= text.Length || text[next + 1] != ':') return false;
        next++;
        return true;
    }

    static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$' or '%' or '.';
}
