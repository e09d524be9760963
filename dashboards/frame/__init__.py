"""What all pages share: who asks, navigation, language, figures, tables, pictures, errors."""
